import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { Now } from '../clock.ts'
import { type IssuerNetwork, IssuerUnreachable, getJson } from './issuer-network.ts'

/** How long keys are used without asking again: a key that its issuer withdraws is good for no longer than that. */
const KEYS_AGE_MS = 60 * 60 * 1000
/** How long keys are used if their issuer cannot be reached. */
const KEYS_AGE_MAX_MS = 24 * 60 * 60 * 1000
/** An issuer is asked at most once in this time, whatever key ids are presented, and whether it answers or not. */
const PAUSE_MS = 30_000
/** Entra reads as many of an issuer's keys and no more (wire.md §5). */
const KEYS_MAX = 100
const ISSUERS_MAX = 1000
const BITS_MIN = 2048
const BITS_MAX = 8192

type Keys = ReadonlyMap<string, KeyObject>

interface Known {
  readonly keys: Keys
  readonly fetchedAtMs: number
  readonly triedAtMs: number
  readonly failure?: IssuerUnreachable
}

/** What the keys of an issuer are found with. */
export interface IssuerKeysOptions {
  readonly network: IssuerNetwork
  /** Finds a key without the network, if this platform is the issuer itself; `undefined` if it is not. */
  readonly own: (issuer: string) => ((kid: string) => KeyObject | undefined) | undefined
  readonly now: Now
}

/**
 * The RSA keys of other identity providers by `kid`: found through their own discovery documents (OpenID Connect Discovery 1.0
 * §4), kept for an hour, and asked for anew if a key is not among them, at most once in 30 s for each issuer.
 */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions
  readonly #known = new Map<string, Known>()
  readonly #flights = new Map<string, Promise<Known>>()

  constructor(options: IssuerKeysOptions) {
    this.#options = options
  }

  /** Whether this platform is the issuer itself. */
  isOwn(issuer: string): boolean {
    return this.#options.own(issuer) !== undefined
  }

  /** @throws IssuerUnreachable if the key is not known and the issuer gives no usable answer. */
  async find(issuer: string, kid: string): Promise<KeyObject | undefined> {
    const own = this.#options.own(issuer)
    if (own) return own(kid)
    const known = this.#known.get(issuer)
    const nowMs = this.#options.now()
    const wanting = !known || nowMs - known.fetchedAtMs >= KEYS_AGE_MS || !known.keys.has(kid)
    const rested = !known || nowMs - known.triedAtMs >= PAUSE_MS
    const { keys, fetchedAtMs, failure } = wanting && rested ? await this.#ask(issuer) : known
    const key = nowMs - fetchedAtMs < KEYS_AGE_MAX_MS ? keys.get(kid) : undefined
    if (!key && failure) throw failure
    return key
  }

  /** Asks an issuer, once for all who wait for the answer. */
  #ask(issuer: string): Promise<Known> {
    const flying = this.#flights.get(issuer)
    if (flying) return flying
    const flight = this.#fetch(issuer).finally(() => this.#flights.delete(issuer))
    this.#flights.set(issuer, flight)
    return flight
  }

  async #fetch(issuer: string): Promise<Known> {
    const { network, now } = this.#options
    const triedAtMs = now()
    const before = this.#known.get(issuer)
    let known: Known
    try {
      known = { keys: await fetchKeys(issuer, network), fetchedAtMs: triedAtMs, triedAtMs }
    } catch (error) {
      if (!(error instanceof IssuerUnreachable)) throw error
      known = {
        keys: before?.keys ?? new Map(),
        fetchedAtMs: before?.fetchedAtMs ?? 0,
        triedAtMs,
        failure: error,
      }
    }
    this.#keep(issuer, known)
    return known
  }

  #keep(issuer: string, known: Known): void {
    this.#known.delete(issuer)
    this.#known.set(issuer, known)
    const [oldest] = this.#known.keys()
    if (this.#known.size > ISSUERS_MAX && oldest !== undefined) this.#known.delete(oldest)
  }
}

async function fetchKeys(issuer: string, network: IssuerNetwork): Promise<Keys> {
  const document = await getJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, network)
  if (document['issuer'] !== issuer)
    throw new IssuerUnreachable('Its discovery document is that of another issuer.')
  if (typeof document['jwks_uri'] !== 'string')
    throw new IssuerUnreachable('Its discovery document has no jwks_uri.')
  const { keys } = await getJson(document['jwks_uri'], network)
  if (!Array.isArray(keys)) throw new IssuerUnreachable('Its keys document has no keys.')
  return new Map(keys.slice(0, KEYS_MAX).flatMap(readKey))
}

/** A key that can check RS256, or nothing: an issuer may publish others beside it. */
function readKey(jwk: unknown): readonly (readonly [string, KeyObject])[] {
  if (typeof jwk !== 'object' || jwk === null) return []
  const { kid, kty, use, alg, n, e } = jwk as Readonly<Record<string, unknown>>
  const forSigning = (use === undefined || use === 'sig') && (alg === undefined || alg === 'RS256')
  if (kty !== 'RSA' || typeof kid !== 'string' || !forSigning) return []
  try {
    const key = createPublicKey({ key: { kty, n, e } as JsonWebKey, format: 'jwk' })
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
    return bits >= BITS_MIN && bits <= BITS_MAX ? [[kid, key]] : []
  } catch {
    return []
  }
}
