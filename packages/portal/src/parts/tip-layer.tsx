import { useEffect, useRef, useState } from 'react'
import { ageWords } from '#src/time/words.ts'
import styles from './tip-layer.module.css'

const SELECTOR = '[data-tip], [data-moment]'
const ID = 'tip'

type Shown = { target: HTMLElement; text: string }

/**
 * Shows what stands in `data-tip`, or the UTC time and age of a `data-moment`, of what is under the pointer, or has the focus in it.
 * Esc takes it away; copying while it shows a moment copies that. In the top layer, so that it stands over dialogs too.
 */
export function TipLayer() {
  const [shown, setShown] = useState<Shown | null>(null)
  const bubble = useRef<HTMLDivElement>(null)

  useEffect(() => {
    const show = (event: Event) => {
      const within = event.target instanceof Element ? event.target : null
      const target = within?.closest<HTMLElement>(SELECTOR)
      if (!target) return
      if (event.type === 'focusin' && !within?.matches(':focus-visible')) return
      setShown({ target, text: textOf(target) })
    }
    const hide = () => setShown(null)
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && hide()
    const onCopy = (event: ClipboardEvent) => {
      const moment = document.activeElement?.getAttribute('data-moment')
      if (!moment || !getSelection()?.isCollapsed) return
      event.clipboardData?.setData('text/plain', moment)
      event.preventDefault()
    }
    const listening = new AbortController()
    const { signal } = listening
    for (const type of ['pointerover', 'focusin']) document.addEventListener(type, show, { signal })
    for (const type of ['pointerout', 'focusout', 'pointerdown']) document.addEventListener(type, hide, { signal })
    document.addEventListener('keydown', onKey, { signal })
    document.addEventListener('copy', onCopy, { signal })
    window.addEventListener('scroll', hide, { signal, capture: true, passive: true })
    return () => listening.abort()
  }, [])

  useEffect(() => {
    const element = bubble.current
    if (!shown || !element) return
    const { target } = shown
    const described = target.getAttribute('aria-describedby')
    if (target.getAttribute('aria-label') !== shown.text) target.setAttribute('aria-describedby', ID)
    element.showPopover()
    const at = target.getBoundingClientRect()
    const { width, height } = element.getBoundingClientRect()
    const below = at.bottom + 6 + height < innerHeight
    element.style.top = `${below ? at.bottom + 6 : at.top - 6 - height}px`
    element.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`
    return () => {
      if (described === null) target.removeAttribute('aria-describedby')
      else target.setAttribute('aria-describedby', described)
    }
  }, [shown])

  return shown === null ? null : (
    <div id={ID} ref={bubble} role="tooltip" popover="manual" className={styles.bubble}>
      {shown.text}
    </div>
  )
}

function textOf({ dataset }: HTMLElement): string {
  if (dataset.moment === undefined) return dataset.tip ?? ''
  return `${dataset.moment}\n${ageWords(new Date(dataset.moment), new Date())}`
}
