import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { ConfigurationError } from '../errors.ts'

/** Whose token an entry is. An entry opens at its own place and nowhere else. */
export interface TokenPlace {
  /** The authority that tokens come from. */
  readonly authority: string
  readonly clientId: string
  readonly tenant: string
  readonly scope: string
  readonly claims?: string | undefined
}

/** What an entry turned out to be: its content, or why it has none, as the end of a sentence. */
export type Opened = { readonly content: Uint8Array } | { readonly unreadable: string }

const ALGORITHM = 'aes-256-gcm'
const KEY_BYTES = 32
const KEYS_MAX = 8
const VERSION = 1
const ID_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEADER_BYTES = 1 + ID_BYTES
const OVERHEAD_BYTES = HEADER_BYTES + NONCE_BYTES + TAG_BYTES

interface DerivedKey {
  /** Says which key sealed an entry, and nothing about it. */
  readonly id: Buffer
  readonly naming: Buffer
  readonly sealing: Buffer
}

/**
 * Names and seals entries. An entry is: version (1 byte), key id (4), nonce (12), tag (16), ciphertext. It is encrypted with
 * AES-256-GCM, with header and place as additional data, under a key derived by HKDF-SHA-256 (RFC 5869) for this use alone;
 * names come from another one. Nonces are random: one key may seal 2^32 entries (NIST SP 800-38D §8.3), which a fleet
 * that renews 100,000 tokens every half hour reaches after two years.
 */
export class EntrySealer {
  readonly #keys: readonly [DerivedKey, ...DerivedKey[]]

  /**
   * @param keys the newest first; that one seals, all of them open. Each is 32 random bytes, or those in base64.
   * @throws ConfigurationError if there is none, or one is anything but 32 random bytes.
   */
  constructor(keys: readonly (Uint8Array | string)[]) {
    const [newest, ...older] = checkedKeys(keys).map(derive)
    if (!newest) throw unusable('at least one', 'none was found')
    this.#keys = [newest, ...older]
  }

  /** The names of a place, by the newest key first: HMAC-SHA-256 in base64url, so that a store learns no tenant. */
  names(place: TokenPlace): readonly [string, ...string[]] {
    const bytes = placeBytes(place)
    const name = ({ naming }: DerivedKey) => createHmac('sha256', naming).update(bytes).digest('base64url')
    const [newest, ...older] = this.#keys
    return [name(newest), ...older.map(name)]
  }

  /** Encrypts content so that it opens at this place alone. */
  seal(place: TokenPlace, content: Uint8Array): Uint8Array {
    const { id, sealing } = this.#keys[0]
    const header = Buffer.concat([Buffer.of(VERSION), id])
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(ALGORITHM, sealing, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(Buffer.concat([header, placeBytes(place)]))
    const sealed = Buffer.concat([cipher.update(content), cipher.final()])
    return Buffer.concat([header, nonce, cipher.getAuthTag(), sealed])
  }

  /** Opens what {@link seal} made at the same place. Never throws. */
  open(place: TokenPlace, entry: Uint8Array): Opened {
    const bytes = Buffer.from(entry)
    if (bytes.length < OVERHEAD_BYTES) return { unreadable: `${bytes.length} bytes are too few` }
    if (bytes[0] !== VERSION) return { unreadable: `its version is ${bytes[0]}, and ${VERSION} is needed` }
    const key = this.#keys.find(({ id }) => id.equals(bytes.subarray(1, HEADER_BYTES)))
    if (!key) return { unreadable: 'it was sealed with a key that is not configured here' }
    const nonce = bytes.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES)
    try {
      const decipher = createDecipheriv(ALGORITHM, key.sealing, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.concat([bytes.subarray(0, HEADER_BYTES), placeBytes(place)]))
      decipher.setAuthTag(bytes.subarray(HEADER_BYTES + NONCE_BYTES, OVERHEAD_BYTES))
      return { content: Buffer.concat([decipher.update(bytes.subarray(OVERHEAD_BYTES)), decipher.final()]) }
    } catch {
      return { unreadable: 'it was changed, or moved here from another place' }
    }
  }
}

/** As JSON, in which no two places are written alike. */
const placeBytes = ({ authority, clientId, tenant, scope, claims }: TokenPlace) =>
  Buffer.from(JSON.stringify([authority, clientId, tenant, scope, claims ?? null]))

function derive(key: Buffer): DerivedKey {
  const use = (purpose: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', key, '', `tomte token store v${VERSION}: ${purpose}`, bytes))
  return { id: use('id', ID_BYTES), naming: use('name', KEY_BYTES), sealing: use('seal', KEY_BYTES) }
}

function checkedKeys(keys: readonly (Uint8Array | string)[]): readonly Buffer[] {
  if (!Array.isArray(keys) || keys.length === 0) throw unusable('at least one', 'none was found')
  if (keys.length > KEYS_MAX) throw unusable(`at most ${KEYS_MAX}`, `${keys.length} were found`)
  const checked = keys.map((key, index) => checkedKey(key, index + 1))
  const twice = checked.findIndex((key, index) =>
    checked.some((other, place) => place < index && timingSafeEqual(key, other)),
  )
  if (twice >= 0) throw unusable('each one once', `number ${twice + 1} was given before`)
  return checked
}

/** The key's bytes. What is wrong with it is said without a byte of it. */
function checkedKey(key: Uint8Array | string, number: number): Buffer {
  const isText = typeof key === 'string'
  if (isText && !/^[\w+/-]{43}=?$/.test(key.trim()))
    throw unusable('32 bytes in base64 each', `number ${number} is another text`)
  if (!isText && !(key instanceof Uint8Array))
    throw unusable('32 bytes each', `number ${number} is neither bytes nor text`)
  const bytes = isText ? Buffer.from(key.trim(), 'base64') : Buffer.from(key)
  if (bytes.length !== KEY_BYTES)
    throw unusable('32 bytes each', `number ${number} has ${bytes.length} bytes`)
  // Random bytes are all printable once in 10^13 keys, and repeat one of them 16 times never.
  if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f))
    throw unusable(
      '32 random bytes each',
      `number ${number} is made of printable characters, as a passphrase is`,
    )
  if (new Set(bytes).size <= KEY_BYTES / 2)
    throw unusable('32 random bytes each', `number ${number} repeats a few bytes`)
  return bytes
}

function unusable(needed: string, found: string): ConfigurationError {
  return new ConfigurationError(
    `Cannot seal shared tokens with these keys, as ${needed} are needed: ${found}`,
    {
      code: 'store_key_invalid',
      hint: 'Make one with `openssl rand -base64 32` and give it to every process of the fleet',
    },
  )
}
