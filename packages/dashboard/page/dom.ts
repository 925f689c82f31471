/** Making and changing elements. What comes from the mesh becomes text and attributes, never markup. */

const SVG = 'http://www.w3.org/2000/svg'

export type Content = Node | string | undefined | false

export interface Attributes {
  readonly [name: string]: string | number | boolean | undefined
}

export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return found as E
}

export function element<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  attributes: Attributes = {},
  ...children: Content[]
): HTMLElementTagNameMap[T] {
  return filled(document.createElement(tag), attributes, children)
}

export function svg<T extends keyof SVGElementTagNameMap>(
  tag: T,
  attributes: Attributes = {},
  ...children: Content[]
): SVGElementTagNameMap[T] {
  return filled(document.createElementNS(SVG, tag), attributes, children)
}

function filled<E extends Element>(made: E, attributes: Attributes, children: readonly Content[]): E {
  setAttributes(made, attributes)
  made.append(...children.filter((child) => child !== undefined && child !== false))
  return made
}

/** `undefined` and false take an attribute away. Touches only what differs: this runs each second. */
export function setAttributes(on: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) {
      if (on.hasAttribute(name)) on.removeAttribute(name)
      continue
    }
    const text = value === true ? '' : String(value)
    if (on.getAttribute(name) !== text) on.setAttribute(name, text)
  }
}

export function setText(on: Node, text: string): void {
  if (on.textContent !== text) on.textContent = text
}

export interface Keyed<T, E extends Element> {
  key(item: T): string
  create(item: T): E
  update?(made: E, item: T): void
  /** Takes away what is no more; default at once. */
  remove?(made: E): void
}

const made = new WeakMap<Element, Map<string, Element>>()

/** One child for each item, in their order; children stay the same elements, so that focus and hover stay where they are. */
export function keyed<T, E extends Element>(parent: Element, items: readonly T[], how: Keyed<T, E>): void {
  const before = (made.get(parent) ?? new Map()) as Map<string, E>
  const after = new Map<string, E>()
  let place = parent.firstElementChild
  for (const item of items) {
    const key = how.key(item)
    const child = before.get(key) ?? how.create(item)
    before.delete(key)
    after.set(key, child)
    how.update?.(child, item)
    if (child === place) place = place.nextElementSibling
    else parent.insertBefore(child, place)
  }
  for (const gone of before.values()) how.remove ? how.remove(gone) : gone.remove()
  made.set(parent, after)
}

export function part<E extends Element = HTMLElement>(of: Element, selector: string): E {
  const found = of.querySelector<E>(selector)
  if (found === null) throw new Error(`there is no ${selector}`)
  return found
}
