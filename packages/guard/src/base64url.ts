import { Scratch } from './scratch.ts'

// The characters whose spare bits are zero, by how many characters the last group has (RFC 4648 §3.5).
const LAST = { 2: 'AQgw', 3: 'AEIMQUYcgkosw048' } as const

const LENGTH_MAX = 16_384
const DECODED = new Scratch()

/**
 * Decodes base64url strictly, `undefined` if it is none or longer than 16 kB (RFC 7515 §2). Node's decoder skips what it does not know and takes
 * the alphabet of base64 too, which would let one token be written in many ways. The bytes last until the next call.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const rest = text.length % 4
  if (rest === 1 || text.length > LENGTH_MAX || text.includes('+') || text.includes('/')) return undefined
  const bytes = DECODED.write(text, 'base64url')
  if (bytes.length !== Math.floor((text.length * 3) / 4)) return undefined
  if (rest === 0) return bytes
  return LAST[rest as 2 | 3].includes(text.charAt(text.length - 1)) ? bytes : undefined
}
