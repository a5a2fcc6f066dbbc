// One client assertion: our certificate credential against the signature alone, made in the same way.
import { constants, randomUUID, sign, X509Certificate } from 'node:crypto'
import { promisify } from 'node:util'
import { ClientAssertion, CryptoProvider } from '@azure/msal-node'
import { certificate } from '@tomte/client/tokens'
import { keyPem, makeCertificate, newRsaKey } from '../../packages/client/src/credential/test-support.ts'
import { type Row, row } from '../row.ts'
import { CLIENT } from './authority.ts'
import { interleaved, repeat } from './rounds.ts'

const ROUNDS = 21
const SIGNATURES = 100
const ENDPOINT = 'https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token'
// As long as the header and payload of an assertion are together.
const SIGNED_BYTES = 480

export async function assertion(): Promise<Row[]> {
  const validity = { notBefore: '2020-01-01T00:00:00Z', notAfter: '2049-12-31T00:00:00Z' }
  const made = makeCertificate(newRsaKey(), { name: 'bench daemon', ...validity })
  const privateKey = keyPem(made.key)
  const prove = certificate({ pem: `${privateKey}${made.certificate}` })
  const signInBackground = promisify(sign)
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
  const data = Buffer.alloc(SIGNED_BYTES, 'x')
  const provider = new CryptoProvider()
  const thumbprint = new X509Certificate(made.certificate).fingerprint256.replaceAll(':', '')
  const ms = await interleaved(ROUNDS, {
    ours: repeat(SIGNATURES, async () => {
      const context = { clientId: CLIENT, tokenEndpoint: ENDPOINT, nowMs: Date.now(), randomUuid: randomUUID }
      await prove({ body: new URLSearchParams(), headers: {} }, context)
    }),
    floor: repeat(SIGNATURES, () => signInBackground('sha256', data, { key: made.key, ...padding })),
    // It keeps the last assertion, so each is one of a new object, as for the first token of each tenant.
    msal: repeat(SIGNATURES, async () =>
      ClientAssertion.fromCertificateWithSha256Thumbprint(thumbprint, privateKey).getJwt(
        provider,
        CLIENT,
        ENDPOINT,
      ),
    ),
  })
  const each = (millis: number) => (millis / SIGNATURES) * 1000
  const shared = { what: 'client assertion, PS256, RSA 2048', ours: each(ms.ours), unit: 'µs' }
  return [
    row({ ...shared, theirs: each(ms.floor), against: 'async crypto.sign', goal: '<= 1.15' }),
    row({ ...shared, theirs: each(ms.msal), against: 'msal-node', goal: '<= 1' }),
  ]
}
