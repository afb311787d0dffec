/**
 * Runs by itself, before the first paint and before any module: it may use nothing from outside. Without a choice the style sheet
 * follows the system, so there is nothing to do.
 */
export function beforePaint(): void {
  const asked = new URLSearchParams(location.search).get('theme')
  const theme = asked ?? localStorage.getItem('psapi.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
}
