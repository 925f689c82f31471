import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { Screen } from './screen.js'

class Output extends EventEmitter {
  columns = 20
  rows = 3
  written = ''
  write(text: string): boolean {
    this.written += text
    return true
  }
}

class Input extends EventEmitter {
  isTTY = true
  modes: boolean[] = []
  setRawMode(isRaw: boolean): this {
    this.modes.push(isRaw)
    return this
  }
  resume(): this {
    return this
  }
  pause(): this {
    return this
  }
}

function open() {
  const input = new Input()
  const output = new Output()
  const keys: string[] = []
  let resizes = 0
  const screen = new Screen(input as never, output as never, {
    key: (key) => keys.push(key),
    resize: () => resizes++,
  })
  screen.open()
  return { screen, input, output, keys, resizes: () => resizes }
}

test('what was there comes back, once', () => {
  const { screen, input, output } = open()
  expect(output.written).toContain('\x1b[?1049h')
  output.written = ''
  screen.close()
  screen.close()
  screen.draw(['too late'])

  expect(output.written).toBe('\x1b[?7h\x1b[?25h\x1b[?1049l')
  expect(input.modes).toEqual([true, false])
  expect([input.listenerCount('data'), output.listenerCount('resize')]).toEqual([0, 0])
})

test('also when the process ends without it', () => {
  const before = process.listeners('exit')
  const { output } = open()
  const [onExit] = process.listeners('exit').filter((listener) => !before.includes(listener))
  onExit?.(0)

  expect(output.written.endsWith('\x1b[?1049l')).toBe(true)
  expect(process.listeners('exit')).toEqual(before)
})

test('each picture is drawn over the one before, and no more of it than fits', () => {
  const { screen, output } = open()
  output.written = ''
  screen.draw(['one'])
  expect(output.written).toBe('\x1b[H\x1b[Kone\r\n\x1b[J')
  output.written = ''
  screen.draw(['1', '2', '3', '4'])
  expect(output.written).toBe('\x1b[H\x1b[K1\r\n\x1b[K2\r\n\x1b[K3')
  screen.close()
})

test('keys and new sizes are told', () => {
  const { screen, input, output, keys, resizes } = open()
  input.emit('data', Buffer.from('xq'))
  output.emit('resize')
  screen.close()

  expect(keys).toEqual(['x', 'q'])
  expect(resizes()).toBe(1)
})
