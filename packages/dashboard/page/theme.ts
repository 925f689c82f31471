/** Light or dark: as the system says, or as was chosen here; and the colours of members as the browser has them then. */

import { setAttributes, setText } from './dom.js'

const KEY = 'sessionmesh-theme'
const THEMES = ['system', 'light', 'dark'] as const
type Theme = (typeof THEMES)[number]

/** How many members have a colour or a pattern of their own; see style.css. */
export const COLOURS = 12
/** From this one on lines are dashed, of the same colours. */
export const DASHED_FROM = 6

export class Themes {
  readonly #listeners: (() => void)[] = []
  readonly #probe = document.createElement('i')
  #known = new Map<string, string>()

  constructor(button: HTMLElement) {
    document.body.append(this.#probe)
    this.#probe.hidden = true
    let theme = remembered()
    const apply = () => {
      setAttributes(document.documentElement, { 'data-theme': theme === 'system' ? undefined : theme })
      setText(button, { system: 'Auto', light: 'Light', dark: 'Dark' }[theme])
      setAttributes(button, { 'aria-label': `Colours: ${theme}`, 'data-theme-is': theme })
      this.#changed()
    }
    button.addEventListener('click', () => {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!
      remember(theme)
      apply()
    })
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#changed())
    apply()
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** Of what has this class, for canvases. */
  colourOf(className: string): string {
    let colour = this.#known.get(className)
    if (colour === undefined) {
      this.#probe.className = `probe ${className}`
      colour = getComputedStyle(this.#probe).color
      this.#known.set(className, colour)
    }
    return colour
  }

  #changed(): void {
    this.#known = new Map()
    for (const listener of this.#listeners) listener()
  }
}

export function colourClass(colour: number): string {
  return `m${colour % COLOURS}`
}

function remembered(): Theme {
  try {
    const kept = localStorage.getItem(KEY)
    return THEMES.find((theme) => theme === kept) ?? 'system'
  } catch {
    return 'system'
  }
}

function remember(theme: Theme): void {
  try {
    if (theme === 'system') localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, theme)
  } catch {
    // Storage is switched off: it holds as long as the page.
  }
}
