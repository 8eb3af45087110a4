// Sets the theme before the first paint. A file of its own, because the content security policy forbids inline scripts.
(() => {
  let wanted = "system";
  try {
    wanted = localStorage.getItem("triptych.theme") || "system";
  } catch {
    // Storage may be switched off: then the system decides.
  }
  const dark =
    wanted === "dark" || (wanted !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
