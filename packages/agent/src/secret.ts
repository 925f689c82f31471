/**
 * Secrets that are hard to guess. Whoever has recorded one handshake of a link can try secrets at home, as fast as he can
 * hash: nothing slows him down, as it does with passwords. (RFC 9257 asks for 128 bits.)
 */

import { randomBytes } from 'node:crypto'

/** Fewer are refused. It finds common mistakes, and knows no dictionary: what it lets pass may be weak all the same. */
export const MIN_SECRET_BITS = 80

/** Of each letter of words: those of a Diceware phrase have 12.9 bits in five letters, sentences far fewer. */
const WORD_BITS = 2
/** Letters that may be a word, by themselves and in `CamelCase`, and what parts it from others, which tells nothing. */
const WORDS = /(?<before>[ _.-]?)(?<letters>[A-Z]?[a-z]+|[A-Z]+(?![a-z]))(?=(?<after>[ _.-]?))/g
/** Fewer letters may be a part of what is random, unless they stand apart; and so may what has no vowel, or many other letters in a row. */
const MIN_WORD_LENGTH = 5
/** Where there are letters alone. (Random ones hardly ever are, but of those that have no other characters at all.) */
const MIN_WORD_LENGTH_OF_LETTERS = 4
const LETTERS = /^[a-z _.-]*$/i
const NO_WORD = /^[^aeiouy]*$|[^aeiouy]{5}/i
/** Several words without anything between them; what is random has fewer vowels. */
const LONG_WORD = 11
const NO_WORDS = /[^aeiou]{5}/i
const MIN_VOWELS = 0.28
/** Years, and what a policy wanted at the end. */
const NUMBERS = /\d{2,}/g
const DIGIT_BITS = Math.log2(10)
const HEX = /^[\da-f-]*$/i
const KEYBOARD = 'qwertyuiop  asdfghjkl  zxcvbnm'

/** 256 bits, in characters that no shell, file of variables or list with commas takes for others. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** How many bits there may be in a secret at the most, by its characters: in words fewer, in what goes on as it began none. */
export function secretBits(secret: string): number {
  const each = new Array<number>(secret.length).fill(Math.log2(alphabetOf(secret)))
  // (Of 16 digits, ten are digits and some of the others spell words by chance.)
  if (!HEX.test(secret)) {
    for (const { 0: digits, index } of secret.matchAll(NUMBERS))
      each.fill(DIGIT_BITS, index, index + digits.length)
    const least = LETTERS.test(secret) ? MIN_WORD_LENGTH_OF_LETTERS : MIN_WORD_LENGTH
    for (const found of [...secret.matchAll(WORDS)].filter((each) => isWord(each, least))) {
      const [start, end] = [found.index, found.index + found[0].length]
      each.fill(WORD_BITS, start, end)
      if (found.groups?.before !== '') each[start] = 0
    }
  }
  const bits = each.reduce((sum, bits, i) => (isForeseen(secret, i) ? sum : sum + bits), 0)
  return Math.floor(bits)
}

function alphabetOf(secret: string): number {
  if (/^\d*$/.test(secret)) return 10
  if (HEX.test(secret)) return 16
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[!-/:-@[-`{-~ ]/, /[^ -~]/]
  const sizes = [26, 26, 10, 33, 100]
  return sizes.reduce((sum, size, i) => sum + (kinds[i]!.test(secret) ? size : 0), 0)
}

function isWord({ groups }: RegExpExecArray, least: number): boolean {
  const { letters = '', before = '', after = '' } = groups ?? {}
  const standsApart = before !== '' && after !== ''
  if ((letters.length < least && !standsApart) || NO_WORD.test(letters)) return false
  if (letters.length < LONG_WORD) return true
  const vowels = letters.match(/[aeiou]/gi)?.length ?? 0
  return vowels >= MIN_VOWELS * letters.length && !NO_WORDS.test(letters)
}

/** As in `aaa`, `123`, `cba`, `qwe`; or the third of three that have been there before. */
function isForeseen(secret: string, i: number): boolean {
  if (i < 2) return false
  const three = secret.slice(i - 2, i + 1)
  const goesOn = (places: readonly number[]) => {
    const [first = 0, second = 0, third = 0] = places
    return third - second === second - first && Math.abs(third - second) <= 1
  }
  const keys = [...three.toLowerCase()].map((each) => KEYBOARD.indexOf(each))
  if (goesOn([...three].map((each) => each.charCodeAt(0)))) return true
  if (!keys.includes(-1) && goesOn(keys)) return true
  return secret.indexOf(three) < i - 2
}
