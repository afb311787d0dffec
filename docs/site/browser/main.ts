import './style.css'
import { addCopyButtons } from './copy.ts'
import { addSearch } from './search.ts'
import { addThemeButton } from './theme-button.ts'

const menu = document.querySelector<HTMLButtonElement>('.menu')
const navigation = document.querySelector<HTMLElement>('#navigation')
if (menu && navigation) {
  document.documentElement.classList.add('scripted')
  menu.hidden = false
  menu.addEventListener('click', () => {
    const isOpen = menu.getAttribute('aria-expanded') === 'true'
    menu.setAttribute('aria-expanded', String(!isOpen))
    navigation.classList.toggle('open', !isOpen)
  })
}
navigation?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' })
addThemeButton()
addCopyButtons()
addSearch()
