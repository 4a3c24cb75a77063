// Runs before the first paint, so that a dark console never flashes white. Without a choice the system decides.
try {
  const theme = localStorage.getItem("seawall.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is closed in some private windows: the system's theme it is.
}
