import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { PlatformError } from '../errors.ts'

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** A new key for {@link seal}, as text for a key file. */
export const makeSealingKey = (): string => randomBytes(32).toString('base64')

/** Reads a sealing key. @throws PlatformError if the text is not 32 bytes in base64. */
export function parseSealingKey(text: string, from: string): Buffer {
  const key = Buffer.from(text.trim(), 'base64')
  if (key.length === 32) return key
  throw new PlatformError(
    `Cannot use the key in ${from}, as 32 bytes in base64 are needed: found ${key.length} bytes`,
    {
      code: 'sealing_key_invalid',
      hint: 'Restore the file from a copy, or move the data folder away: the next start makes a new one',
    },
  )
}

/** Encrypts `text` so that it opens only under the same key and name. */
export function seal(text: string, name: string, key: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(name))
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
}

/** Opens what {@link seal} made. @throws PlatformError if the key or the name is another, or the text was changed. */
export function unseal(sealed: string, name: string, key: Buffer): string {
  const bytes = Buffer.from(sealed, 'base64')
  const nonce = bytes.subarray(0, NONCE_BYTES)
  try {
    const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(name)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
    return Buffer.concat([
      decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)),
      decipher.final(),
    ]).toString('utf8')
  } catch {
    throw new PlatformError(
      `Cannot open the signing key '${name}', as the key file that sealed it is needed: another key, or damaged data, was found`,
      {
        code: 'signing_key_sealed',
        hint: 'Restore the key file that belongs to this data folder, or move the folder away',
      },
    )
  }
}
