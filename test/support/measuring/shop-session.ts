/** The session of which benches speak where it has ten attributes: 1 KB as JSON, as a shop would keep it. */

export interface ShopSession extends Record<string, unknown> {
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
