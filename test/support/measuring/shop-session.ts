/** The session of which benches speak where it has ten attributes: 1 KB as JSON, as a shop would keep it. */

interface ShopSession extends Record<string, unknown> {
  /** What a request changes. */
  visits: number
}

export function shopSession(number: number): ShopSession {
  return {
    visits: 0,
    userId: 1_000_000 + number,
    name: 'Augusta Ada King',
    email: `ada.${number}@example.org`,
    roles: ['customer', 'reviewer'],
    csrf: `c3JmLXRva2VuLW9mLXRoZS1zZXNzaW9u-${String(number).padStart(8, '0')}`,
    locale: { language: 'en', country: 'GB', currency: 'GBP', timeZone: 'Europe/London' },
    cart: Array.from({ length: 6 }, (_, i) => ({
      sku: `SKU-${number}-${i}`,
      quantity: i + 1,
      price: 19.5 + i,
    })),
    returnTo: '/account/orders?page=2&sort=newest&filter=delivered',
    notes: 'x'.repeat(400),
  }
}

/** Of which benches speak where it is nested: the customer and each item of the cart are objects with objects in them. */
export interface NestedSession {
  /** How many items were bought since the cart was filled. */
  count: number
  customer: { id: number; name: string; email: string; roles: string[]; address: Record<string, string> }
  cart: {
    sku: string
    quantity: number
    price: { amount: number; currency: string }
    options: Record<string, string>
  }[]
  signedInAt: Date
  csrf: string
}

export function nestedSession(): NestedSession {
  return {
    count: 0,
    customer: {
      id: 1_000_000,
      name: 'Augusta Ada King',
      email: 'ada@example.org',
      roles: ['customer', 'reviewer'],
      address: { street: '12 St James’s Square', city: 'London', postcode: 'SW1Y 4JH', country: 'GB' },
    },
    cart: Array.from({ length: 6 }, (_, i) => ({
      sku: `SKU-${i}`,
      quantity: i + 1,
      price: { amount: 19.5 + i, currency: 'GBP' },
      options: { colour: 'green', size: 'M' },
    })),
    signedInAt: new Date(),
    csrf: 'c3JmLXRva2VuLW9mLXRoZS1zZXNzaW9u-00000000',
  }
}

/** One more of the next item. */
export function buy(session: { cart?: NestedSession['cart']; count?: number }): void {
  const { cart = [], count = 0 } = session
  const item = cart[count % cart.length]
  if (item !== undefined) item.quantity++
  session.count = count + 1
}
