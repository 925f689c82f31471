/**
 * Secrets that are hard to guess. Whoever has recorded one handshake of a link can try secrets at home, as fast as he can
 * hash: nothing slows him down, as it does with passwords. (RFC 9257 asks for 128 bits.)
 */

import { randomBytes } from 'node:crypto'

/** Fewer are refused. It finds common mistakes, and knows no dictionary: what it lets pass may be weak all the same. */
export const MIN_SECRET_BITS = 80

/** Of each character of words: those of a Diceware phrase have 12.9 bits in five characters and a space, sentences far fewer. */
const WORD_BITS = 2
const WORDS = /(?:[A-Z]?[a-z]+|[A-Z]+)(?:[ _.-](?:[A-Z]?[a-z]+|[A-Z]+))*/g
/** Less may be a part of what is random; and so may what has few vowels, or many other letters in a row. */
const MIN_WORDS_LENGTH = 6
const MIN_VOWELS = 0.28
const NO_WORD = /[^aeiou _.-]{5}/i

/** 256 bits, in characters that no shell, file of variables or list with commas takes for others. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** How many bits there may be in a secret at the most, by its characters: in words fewer, in what goes on as it began none. */
export function secretBits(secret: string): number {
  const each = Math.log2(alphabetOf(secret))
  const isInWords = wordsIn(secret)
  let bits = 0
  for (let i = 0; i < secret.length; i++) {
    if (isForeseen(secret, i)) continue
    bits += isInWords[i] ? Math.min(WORD_BITS, each) : each
  }
  return Math.floor(bits)
}

function alphabetOf(secret: string): number {
  if (/^\d*$/.test(secret)) return 10
  if (/^[\da-f-]*$/i.test(secret)) return 16
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[!-/:-@[-`{-~ ]/, /[^ -~]/]
  const sizes = [26, 26, 10, 33, 100]
  return sizes.reduce((sum, size, i) => sum + (kinds[i]!.test(secret) ? size : 0), 0)
}

function wordsIn(secret: string): boolean[] {
  const isIn = new Array<boolean>(secret.length).fill(false)
  for (const { 0: words, index } of secret.matchAll(WORDS))
    if (areWords(words)) isIn.fill(true, index, index + words.length)
  return isIn
}

function areWords(text: string): boolean {
  const letters = text.match(/[a-z]/gi)?.length ?? 0
  const vowels = text.match(/[aeiou]/gi)?.length ?? 0
  return text.length >= MIN_WORDS_LENGTH && vowels >= MIN_VOWELS * letters && !NO_WORD.test(text)
}

/** As in `aaa`, `123`, `cba`; or the third of three that have been there before. */
function isForeseen(secret: string, i: number): boolean {
  if (i < 2) return false
  const step = (at: number) => secret.charCodeAt(at) - secret.charCodeAt(at - 1)
  if (step(i) === step(i - 1) && Math.abs(step(i)) <= 1) return true
  return secret.indexOf(secret.slice(i - 2, i + 1)) < i - 2
}
