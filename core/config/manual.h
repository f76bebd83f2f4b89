/* manual: the man page and the shell completions of sluice, made from the table of options and that
 * of subcommands, so that they name all of both.
 *
 * The prose of the man page is a template, whose lines @COMMANDS@ and @OPTIONS@ are replaced.
 * man(7), bash(1) "Programmable Completion", zshcompsys(1), fish-completions(1). Used at build
 * time; prints nothing but what it is asked for. */
#ifndef SLUICE_MANUAL_H
#define SLUICE_MANUAL_H

#include "config/subcommand.h"

#include <stdio.h>

/* Copies TEMPLATE to OUT with the commands and the options in their places. */
void manual_write_page(const struct subcommand_table *commands, FILE *template, FILE *out);

/* Write a script that completes the command line of sluice. */
void manual_write_bash(const struct subcommand_table *commands, FILE *out);
void manual_write_zsh(const struct subcommand_table *commands, FILE *out);
void manual_write_fish(const struct subcommand_table *commands, FILE *out);

#endif
