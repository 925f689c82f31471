import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { MIN_SECRET_BITS, newSecret, secretBits } from './secret.js'

test.each([
  '',
  'short',
  'password',
  'Password1234567890',
  'exactly sixteen!',
  'hunter2hunter2hunter2hunter2hunter2',
  'correct horse battery staple',
  'CorrectHorseBatteryStaple',
  'the secret of the shop',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  'abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz',
  '12345678901234567890123456789012345678901234567890',
  '00000000-0000-0000-0000-000000000000',
  'qwertyqwertyqwertyqwertyqwertyqwerty',
  '0123456789abcdef0123456789abcdef',
  'change-me-change-me-change-me-change-me',
  'please-change-this-secret-in-production',
  'my-company-secret-2024',
  'SuperSecretSessionKey123!',
  'MySuperSecretPassword1!',
  'ThisIsMyVerySecretKey',
  'thisismyverysecretkey',
  'qwertyuiopasdfghjklzxcvbnm',
  'P@ssw0rd!P@ssw0rd!',
])('is weak: %s', (secret) => {
  expect(secretBits(secret)).toBeLessThan(MIN_SECRET_BITS)
})

test.each<[string, () => string]>([
  ['openssl rand -base64 32', () => randomBytes(32).toString('base64')],
  ['openssl rand -hex 32', () => randomBytes(32).toString('hex')],
  ['openssl rand -hex 16', () => randomBytes(16).toString('hex')],
  ['a UUID', () => randomUUID()],
  ['npx sessionmesh secret', newSecret],
])('none of what is random is refused: %s', (_, make) => {
  for (let i = 0; i < 2_000; i++) {
    const secret = make()
    expect(secretBits(secret), secret).toBeGreaterThanOrEqual(MIN_SECRET_BITS)
  }
})

// (Few letters, or letters alone, may look like words by chance: of these one in six thousand, and three in a hundred.)
test.each<[string, () => string]>([
  ['openssl rand -base64 16', () => randomBytes(16).toString('base64')],
  ['24 letters', () => lettersOf('abcdefghijklmnopqrstuvwxyz', 24)],
  ['32 characters of base32', () => lettersOf('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 32)],
])('hardly any of what is random is refused: %s', (_, make) => {
  const refused = Array.from({ length: 1_000 }, make).filter((secret) => secretBits(secret) < MIN_SECRET_BITS)
  expect(refused.length).toBeLessThan(100)
})

function lettersOf(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')
}

test('a long phrase of random words is as good', () => {
  const phrase = 'unfold grape mystic plaza rerun dwarf oxidant stucco'
  expect(secretBits(phrase)).toBeGreaterThan(MIN_SECRET_BITS)
})

test('a new secret is another one each time, of 256 bits, and needs no quotes', () => {
  const secrets = Array.from({ length: 100 }, newSecret)
  expect(new Set(secrets).size).toBe(100)
  for (const secret of secrets) expect(secret).toMatch(/^[\w-]{43}$/)
})
