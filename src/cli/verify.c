#include "cli/cli.h"
int command_verify(int argc, char **argv){(void)argc;(void)argv;return cli_usage("verify");}
