/** What each answer of the shop says about the session: all of it, so that a client can check all of it. */

export interface ShopView {
  /** The server that answers. */
  server: string
  user: string | null
  cart: { id: string; name: string }[]
  orders: { id: string; items: string[] }[]
  /** A few characters of the session id; `null` as long as there is nothing to remember. */
  session: string | null
  /** The member that answers for the session. */
  owner: string | null
}

export function isShopView(value: unknown): value is ShopView {
  return (
    typeof value === 'object' && value !== null && 'cart' in value && 'orders' in value && 'user' in value
  )
}
