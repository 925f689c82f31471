/**
 * Whether bytes are MessagePack of what frames are made of, looked at before anything is made of them. The codec knows
 * more than that: references, by which a small frame becomes an endless one, classes, regular expressions; it goes as deep
 * as its stack, where whoever looks into the result comes to the end of his; and of a byte it makes an object of a hundred.
 */

/** Reports are the deepest, with half of it. */
const MAX_DEPTH = 16
/** Of extensions: `undefined`, as the codec writes it in reports, and `Packed`. */
const MAX_EXTENSION = 1
/** What a text, an array or a packed value takes of memory and time, in numbers, about; and a map. */
const OF_AN_ITEM = 4
const OF_A_MAP = 32

/** How many items are still to come, by depth. */
const left = new Float64Array(MAX_DEPTH + 1)

/**
 * Numbers, texts, booleans, null, packed values; arrays and maps of these; and all of it is there, and nothing else.
 *
 * @param room how many numbers there may be, in place of which may be other things: see `OF_AN_ITEM`.
 */
export function isPlain(bytes: Uint8Array, room: number): boolean {
  const { length } = bytes
  let depth = 0
  let at = 0
  left[0] = 1
  for (;;) {
    while (left[depth] === 0) {
      if (depth === 0) return at === length
      depth--
    }
    left[depth]!--
    room--
    if (at >= length || room < 0) return false
    const first = bytes[at++]!
    if (first < 0x80 || first >= 0xe0) continue
    let items = 0
    if (first < 0x90) items = 2 * (first & 0x0f)
    else if (first < 0xa0) items = first & 0x0f
    else if (first < 0xc0) at += first & 0x1f
    else if (first >= 0xdc && first <= 0xdf) {
      const width = (first & 1) === 0 ? 2 : 4
      items = (first < 0xde ? 1 : 2) * countAt(bytes, at, width)
      at += width
    } else {
      const size = sizeAt(bytes, first, at)
      if (size < 0) return false
      at += size
      if (isScalar(first)) continue
    }
    const isMap = first < 0x90 || first >= 0xde
    room -= (isMap ? OF_A_MAP : OF_AN_ITEM) - 1
    if (items === 0) continue
    // (Each of them takes a byte at least.)
    if (items > length - at || items > room || depth === MAX_DEPTH) return false
    left[++depth] = items
  }
}

/** Among those that are followed by a size: nothing, a truth or a number, and neither a text nor an extension. */
function isScalar(first: number): boolean {
  return first < 0xc7 || (first > 0xc9 && first < 0xd4)
}

/** Of what follows on this first byte; below 0: it is not to be there. */
function sizeAt(bytes: Uint8Array, first: number, at: number): number {
  switch (first) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return 0
    case 0xcc:
    case 0xd0:
      return 1
    case 0xcd:
    case 0xd1:
      return 2
    case 0xca:
    case 0xce:
    case 0xd2:
      return 4
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 8
    case 0xd9:
      return 1 + countAt(bytes, at, 1)
    case 0xda:
      return 2 + countAt(bytes, at, 2)
    case 0xdb:
      return 4 + countAt(bytes, at, 4)
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return extension(bytes, at, 2 ** (first - 0xd4))
    case 0xc7:
      return 1 + extension(bytes, at + 1, countAt(bytes, at, 1))
    case 0xc8:
      return 2 + extension(bytes, at + 2, countAt(bytes, at, 2))
    case 0xc9:
      return 4 + extension(bytes, at + 4, countAt(bytes, at, 4))
    default:
      return -1
  }
}

/** With its type, which stands first. */
function extension(bytes: Uint8Array, at: number, size: number): number {
  const type = bytes[at]
  return type !== undefined && type <= MAX_EXTENSION ? 1 + size : Number.NEGATIVE_INFINITY
}

function countAt(bytes: Uint8Array, at: number, width: number): number {
  let count = 0
  for (let i = 0; i < width; i++) count = 256 * count + (bytes[at + i] ?? 0)
  return count
}
