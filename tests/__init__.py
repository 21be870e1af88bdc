"""One module for each check of the whole project, and what tests of several folders share."""
