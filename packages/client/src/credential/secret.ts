import type { ServerMetadata } from '../authority/issuer.ts'
import { ConfigurationError } from '../errors.ts'
import type { Credential } from './credential.ts'
import { watchedFile } from './watched-file.ts'

/** A client secret: the text itself, or a file that holds it and nothing else, which is read again when it changes. */
export type SecretSource = string | { readonly file: string }

/** How a client secret is sent. */
export interface SecretOptions {
  /**
   * `post` sends it in the form, `basic` in the Authorization header (RFC 6749 §2.3.1). Default: `post` to Entra; to a server
   * found by discovery `basic`, which every such server has to know, unless it states `client_secret_post` alone.
   */
  readonly method?: 'post' | 'basic' | undefined
}

/**
 * Proves the application with a client secret (RFC 6749 §2.3.1). A certificate is safer: a secret travels with every request.
 *
 * @throws ConfigurationError if the secret is empty or its file cannot be read.
 * @example
 * ```ts
 * import { clientSecret } from '@tomte/client'
 * const credential = clientSecret({ file: '/run/secrets/daemon' }, { method: 'basic' })
 * ```
 */
export function clientSecret(source: SecretSource, { method }: SecretOptions = {}): Credential {
  const read = typeof source === 'string' ? undefined : watchedFile(source.file, parse)
  const stated = typeof source === 'string' ? checked(source) : undefined
  return async ({ body, headers }, { clientId, server }) => {
    const secret = stated ?? (await read?.()) ?? ''
    if ((method ?? methodOf(server)) === 'post') body.set('client_secret', secret)
    else
      headers['authorization'] =
        `Basic ${Buffer.from(`${encode(clientId)}:${encode(secret)}`).toString('base64')}`
  }
}

function methodOf(server: ServerMetadata | undefined): 'post' | 'basic' {
  if (server === undefined) return 'post'
  const { authMethods } = server
  const isPostAlone =
    authMethods.includes('client_secret_post') && !authMethods.includes('client_secret_basic')
  return isPostAlone ? 'post' : 'basic'
}

const parse = (bytes: Buffer) => checked(bytes.toString('utf8').trim())

/** Both halves are form-encoded before they are joined, which not every server knows but the standard says. */
const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)

function checked(secret: string): string {
  if (secret !== '') return secret
  throw new ConfigurationError('Cannot use the client secret, as its value is needed: found an empty text', {
    code: 'secret_empty',
    hint: 'Set it to the value that was shown when the secret was made, not to its id',
  })
}
