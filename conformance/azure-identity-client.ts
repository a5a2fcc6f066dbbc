// A daemon as the Azure SDK makes it, unmodified; run as a program of its own because NODE_EXTRA_CA_CERTS is read at start, and
// because its surroundings are its configuration. Prints the token that it got, for a key made in the same run.
import { readFile } from 'node:fs/promises'
import {
  ClientAssertionCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  DefaultAzureCredential,
  EnvironmentCredential,
  type TokenCredential,
  WorkloadIdentityCredential,
} from '@azure/identity'

const [kind = '', scope = ''] = process.argv.slice(2)
const {
  TENANT = '',
  CLIENT = '',
  SECRET = '',
  CERTIFICATE = '',
  TOKEN_FILE = '',
  AUTHORITY = '',
} = process.env as Record<string, string>
const options = { authorityHost: AUTHORITY, disableInstanceDiscovery: true }

const CREDENTIALS: Readonly<Record<string, () => TokenCredential>> = {
  secret: () => new ClientSecretCredential(TENANT, CLIENT, SECRET, options),
  certificate: () =>
    new ClientCertificateCredential(TENANT, CLIENT, { certificatePath: CERTIFICATE }, options),
  'certificate with chain': () =>
    new ClientCertificateCredential(
      TENANT,
      CLIENT,
      { certificatePath: CERTIFICATE },
      { ...options, sendCertificateChain: true },
    ),
  assertion: () => new ClientAssertionCredential(TENANT, CLIENT, () => readFile(TOKEN_FILE, 'utf8'), options),
  'workload identity': () =>
    new WorkloadIdentityCredential({
      ...options,
      tenantId: TENANT,
      clientId: CLIENT,
      tokenFilePath: TOKEN_FILE,
    }),
  // These are told nothing but by the environment.
  'environment alone': () => new EnvironmentCredential(),
  'workload identity by environment alone': () => new WorkloadIdentityCredential(),
  'default chain': () => new DefaultAzureCredential(),
}

const token = await CREDENTIALS[kind]?.().getToken(scope)
process.stdout.write(JSON.stringify({ token: token?.token, expiresAtMs: token?.expiresOnTimestamp }))
