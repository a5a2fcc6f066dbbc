import { ConfigurationError } from '../errors.ts'
import type { Credential, ProofContext } from './credential.ts'
import { watchedFile } from './watched-file.ts'

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Proves the application with an assertion that the caller makes (RFC 7521 §4.2), such as a token of another identity
 * provider that the registration trusts. It is asked for at every token request, so it is never stale.
 *
 * @throws ConfigurationError if the function returns no signed token; whatever it throws passes through.
 * @example
 * ```ts
 * import { signedAssertion } from '@tomte/client'
 * declare function tokenFromVault(audience: string): Promise<string>
 * const credential = signedAssertion(({ tokenEndpoint }) => tokenFromVault(tokenEndpoint))
 * ```
 */
export function signedAssertion(make: (context: ProofContext) => string | Promise<string>): Credential {
  return async ({ body }, context) => {
    body.set('client_assertion_type', TYPE)
    body.set('client_assertion', compact(await make(context), 'the function'))
  }
}

/**
 * Proves the application with a federated token from a file that somebody else keeps fresh, as Kubernetes does for workload
 * identities (wire.md §5). The file is read again whenever it has changed.
 *
 * @throws ConfigurationError if the file cannot be read or holds no signed token.
 * @example
 * ```ts
 * import { federatedTokenFile } from '@tomte/client'
 * const credential = federatedTokenFile('/var/run/secrets/azure/tokens/azure-identity-token')
 * ```
 */
export function federatedTokenFile(file: string): Credential {
  const read = watchedFile(file, (bytes) => compact(bytes.toString('utf8').trim(), `the file '${file}'`))
  return signedAssertion(read)
}

/** A JWT in its compact form: three parts of base64url. Its contents are for the authority to judge. */
function compact(token: unknown, from: string): string {
  if (typeof token === 'string' && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return token
  throw new ConfigurationError(
    `Cannot use the assertion of ${from}, as a signed JWT is needed: found something else`,
    {
      code: 'assertion_malformed',
      hint: 'Return the token itself, in its compact form, without quotes or line breaks inside',
    },
  )
}
