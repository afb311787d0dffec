/**
 * Runs by itself, before the first paint and before any module: it may use nothing from outside. Without a choice the style sheet
 * follows the system, so there is nothing to do.
 */
export function beforePaint(): void {
  const query = new URLSearchParams(location.search)
  const asked = query.get('theme')
  if (/^(1|true)$/.test(query.get('hideNavigation') ?? '')) document.documentElement.dataset.bare = ''
  let theme = asked
  try {
    theme ??= localStorage.getItem('psapi.theme')
  } catch {
    // in a frame of another site there may be no storage
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
}
