package inroot

const noWait = 0 // pipes are not in folders
