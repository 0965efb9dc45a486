"""`python -m bot.cli`: the command line without the installed script.  The demo starts it so."""

from bot.cli import main

main()
