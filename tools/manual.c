/* manual: writes the man page or a completion script of sluice to standard output:
 * "manual man <TEMPLATE", "manual bash", "manual zsh", "manual fish". Run by make man and
 * make completions. */
#include "config/manual.h"
#include "server/subcommands.h"

#include <string.h>

int main(int argc, char **argv)
{
    static const struct subcommand_table commands = {subcommands, SUBCOMMANDS_COUNT};
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "man") == 0)
        manual_write_page(&commands, stdin, stdout);
    else if (strcmp(what, "bash") == 0)
        manual_write_bash(&commands, stdout);
    else if (strcmp(what, "zsh") == 0)
        manual_write_zsh(&commands, stdout);
    else if (strcmp(what, "fish") == 0)
        manual_write_fish(&commands, stdout);
    else
        return 2;
    return fflush(stdout) == 0 && !ferror(stdout) && !ferror(stdin) ? 0 : 1;
}
