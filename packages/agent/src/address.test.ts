import { SessionMeshError } from '@sessionmesh/core'
import { expect, test } from 'vitest'
import { formatAddress, isLoopback, isWildcard, parseAddress, unmapHost } from './address.js'

test.each([
  ['127.0.0.1:7373', '127.0.0.1', 7373],
  ['app-2.internal:1', 'app-2.internal', 1],
  ['my_service:65535', 'my_service', 65535],
  [' Shop.Example.COM:80 ', 'shop.example.com', 80],
  ['[::1]:7373', '::1', 7373],
  ['[FE80::1%enA0]:7373', 'fe80::1%enA0', 7373],
  ['[::ffff:10.0.0.7]:7373', '10.0.0.7', 7373],
])('%j is host %j and port %j', (text, host, port) => {
  expect(parseAddress(text)).toEqual({ host, port })
})

test.each([
  ['', 'is empty'],
  ['7373', 'no host'],
  [':7373', 'no host'],
  ['localhost', 'no port'],
  ['localhost:', 'malformed'],
  ['localhost:http', 'no port'],
  ['localhost:0', 'between 1 and 65535'],
  ['localhost:65536', 'between 1 and 65535'],
  ['localhost:-1', 'no port'],
  ['::1', 'brackets'],
  ['fe80::1:7373', 'brackets'],
  ['[localhost]:7373', 'not an IPv6 address'],
  ['[::1]', 'no port'],
  ['1.2.3.999:80', 'not a host name'],
  ['-a:80', 'not a host name'],
  ['a..b:80', 'not a host name'],
  ['a b:80', 'not a host name'],
  ['user@host:80', 'not a host name'],
  ['http://host:80', 'URL'],
  ['host:80/path', 'no port'],
  ['web-1:7373,web-2:7373', 'each an entry of its own'],
])('%j is refused: %s', (text, why) => {
  let error: unknown
  try {
    parseAddress(text)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(SessionMeshError)
  expect(error).toMatchObject({ code: 'SESSIONMESH_BAD_ADDRESS', message: expect.stringContaining(why) })
  expect(error).toMatchObject({ message: expect.stringContaining(JSON.stringify(text)) })
})

test('formatAddress writes what parseAddress reads', () => {
  expect(formatAddress('127.0.0.1', 7373)).toBe('127.0.0.1:7373')
  expect(formatAddress('Shop.Example', 80)).toBe('shop.example:80')
  expect(formatAddress('::1', 7373)).toBe('[::1]:7373')
  expect(formatAddress('FD00:0:0::1', 7373)).toBe('[fd00::1]:7373')
  expect(formatAddress('::ffff:10.0.0.7', 7373)).toBe('10.0.0.7:7373')
  expect(formatAddress('FE80::1%enA0', 7373)).toBe('[fe80::1%enA0]:7373')
  expect(unmapHost('::FFFF:10.0.0.7'.toLowerCase())).toBe('10.0.0.7')
})

test('isWildcard knows all spellings', () => {
  for (const host of ['', '0.0.0.0', '::', '0:0::0', '::ffff:0.0.0.0'])
    expect(isWildcard(host), host).toBe(true)
  for (const host of ['127.0.0.1', '::1', '10.0.0.0', 'localhost']) expect(isWildcard(host), host).toBe(false)
})

test('isLoopback knows this machine only', () => {
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', 'localhost', 'LOCALHOST', '::ffff:127.0.0.1']) {
    expect(isLoopback(host), host).toBe(true)
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.7', '127.example.com', 'localhost.example.com', '']) {
    expect(isLoopback(host), host).toBe(false)
  }
})
