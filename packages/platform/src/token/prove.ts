import type { SignInTrail } from '../audit/sign-in.ts'
import { type Jwt, type JwtPart, MalformedJwt, parseJwt } from '../jwt.ts'
import type { ReadCache } from '../store/read-cache.ts'
import type { Client } from './client.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { type Form, required } from './parse.ts'
import { proveByCertificate } from './prove-certificate.ts'
import { proveByFederation } from './prove-federated.ts'
import { proveBySecret } from './prove-secret.ts'
import { TokenRefusal } from './refusal.ts'

/** How a client proved who it is: the `appidacr` or `azpacr` claim, 1 for a secret, 2 for an assertion (wire.md §6). */
export type ClientProof = '1' | '2'

export interface ProofRequest {
  readonly form: Form
  readonly client: Client
  /** The audiences that an assertion of the client's own may name: this tenant's endpoints by GUID and by domain. */
  readonly audiences: () => ReadonlySet<string>
  /** The keys of the identity providers whose assertions federated credentials accept. */
  readonly issuers: IssuerKeys
  readonly nowMs: number
  /** Takes an assertion of the client's own as used, where the tenant refuses repeats. */
  readonly useOnce?: ((claims: JwtPart) => Promise<void>) | undefined
  /** Told which credential it was. */
  readonly trail?: SignInTrail
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Refuses a request without any credential. @throws TokenRefusal 7000216. */
export function requireCredential({ client_assertion, client_secret }: Form): void {
  if (!client_assertion && !client_secret) throw new TokenRefusal(7000216)
}

/**
 * Checks the client's proof: a secret, an assertion signed with a certificate of the application, or one of another
 * identity provider (RFC 6749 §2.3.1, RFC 7523 §3; wire.md §§3 to 5).
 *
 * @throws TokenRefusal one of the invalid_client family.
 */
export async function proveClient(cache: ReadCache, request: ProofRequest): Promise<ClientProof> {
  const { form, client, nowMs, trail = {} } = request
  if (form['client_secret']) {
    const keyId = await proveBySecret({ secret: form['client_secret'], client, nowMs })
    trail.credential = { kind: 'clientSecret', keyId }
    return '1'
  }
  if (form['client_assertion_type'] !== ASSERTION_TYPE) {
    throw new TokenRefusal(900144, { name: 'client_assertion_type' })
  }
  const assertion = parseAssertion(required(form, 'client_assertion'))
  const { iss, sub } = assertion.claims
  for (const [name, value] of Object.entries({ iss, sub }))
    if (value === undefined) throw new TokenRefusal(90014, { name })
  if (typeof iss !== 'string' || typeof sub !== 'string')
    throw new TokenRefusal(50027, { reason: 'iss and sub must be texts.' })
  const own = iss.toLowerCase() === client.appId
  const keyId = await (own
    ? proveByCertificate(cache, { ...request, assertion, iss, sub })
    : proveByFederation(cache, { ...request, assertion, iss, sub }))
  trail.credential = { kind: own ? 'certificate' : 'federatedIdentityCredential', keyId }
  return '2'
}

function parseAssertion(text: string): Jwt {
  try {
    return parseJwt(text)
  } catch (error) {
    if (error instanceof MalformedJwt) throw new TokenRefusal(50027, { reason: error.message })
    throw error
  }
}
