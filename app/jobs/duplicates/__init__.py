"""Looking for household files that are one (查重): the file that has just moved, or all of them."""
