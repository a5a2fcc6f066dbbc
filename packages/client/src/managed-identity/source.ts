import type { Environment } from '../config.ts'
import { ConfigurationError } from '../errors.ts'
import { withoutUser } from '../network.ts'

/** By what one of several identities is chosen. */
export type SelectorName = 'clientId' | 'objectId' | 'resourceId'

/** A kind of host that gives its programs tokens, and how it wants to be asked (wire.md §10). */
export interface Source {
  /** As people call it. */
  readonly name: string
  readonly endpoint: URL
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  /** Beside `resource`. */
  readonly parameters: Readonly<Record<string, string>>
  /** The parameter of each selector that it knows; it is asked for nothing that it would pass over. */
  readonly selectors: Readonly<Partial<Record<SelectorName, string>>>
  /** What it is asked for when nothing is selected. */
  readonly unselected?: Readonly<Record<string, string>>
  /** What proves this program to it, to be kept out of every message. */
  readonly secret?: string
  /** Its certificate's fingerprint, where that is all there is to trust. */
  readonly thumbprint?: string
  /** Statuses beside 408, 429 and 5xx that pass by themselves, with the pause before it is asked again, in ms. */
  readonly passing: Readonly<Record<number, number>>
  /** How long a caller waits by default, in ms. */
  readonly patienceMs: number
  /** Nothing says that it is here: it is what remains. */
  readonly guessed?: boolean
  /** What to add so that its own cache does not serve a token that an API has refused. */
  readonly instead?: (token: string) => Readonly<Record<string, string>>
  /** Answers a 401 with more headers. */
  readonly prove?: (wwwAuthenticate: string | undefined) => Promise<Readonly<Record<string, string>>>
}

/** Waits for most sources as for any authority. */
export const PATIENCE_MS = 30_000

/** The value of a variable, without the blanks around it; `undefined` if it is empty. */
export const valueOf = (environment: Environment, name: string): string | undefined =>
  environment[name]?.trim() || undefined

const ON_THIS_MACHINE = /^(localhost|127(\.\d+){3}|\[::1\]|169\.254(\.\d+){2})$/

/**
 * The URL in a variable. Plain HTTP stays on this machine: loopback and link-local addresses (RFC 3927) alone.
 *
 * @throws ConfigurationError for anything else.
 */
export function endpointIn(variable: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const stays = url?.protocol === 'http:' && ON_THIS_MACHINE.test(url.hostname)
  if (url && (stays || url.protocol === 'https:') && url.username === '' && url.password === '') return url
  throw new ConfigurationError(
    `Cannot ask for a managed identity's token, as ${variable} must be an https:// URL, or an http:// one on this machine: found '${withoutUser(text)}'`,
    {
      code: 'identity_endpoint_invalid',
      hint: `The host sets ${variable} by itself: remove what has changed it`,
    },
  )
}
