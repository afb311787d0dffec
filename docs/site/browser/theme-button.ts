/** The same key as the portal's: who has chosen there has chosen here. */
const KEY = 'psapi.theme'

export function addThemeButton(): void {
  const button = document.querySelector<HTMLButtonElement>('.theme')
  if (!button) return
  const root = document.documentElement
  const isDark = () =>
    root.dataset.theme === undefined
      ? matchMedia('(prefers-color-scheme: dark)').matches
      : root.dataset.theme === 'dark'
  const show = () => {
    button.textContent = isDark() ? 'Light' : 'Dark'
    button.setAttribute('aria-label', isDark() ? 'Light colours' : 'Dark colours')
  }
  button.hidden = false
  button.addEventListener('click', () => {
    const theme = isDark() ? 'light' : 'dark'
    root.dataset.theme = theme
    localStorage.setItem(KEY, theme)
    show()
  })
  show()
}
