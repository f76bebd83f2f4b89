/* version: the name and number that the program reports about itself. */
#ifndef SLUICE_VERSION_H
#define SLUICE_VERSION_H

#define SLUICE_VERSION "0.1.0"

/* The second line of --version. */
#define SLUICE_LICENCE "MIT licence; there is no warranty."

#endif
