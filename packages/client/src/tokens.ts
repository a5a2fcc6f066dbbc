export { AppIdentity, type AccessToken, type AppIdentityOptions } from './identity.ts'
export { identityFromEnvironment, type Environment } from './config.ts'
export { certificate, type CertificateSource } from './credential/certificate.ts'
export type { Credential, ProofContext, TokenForm } from './credential/credential.ts'
export { tenantName } from './authority/tenant.ts'
export type { Authority } from './authority/authority.ts'
export type { TransportOptions } from './token/request.ts'
export type { Token, TokenSource } from './token/token.ts'
export { type Clock, systemClock } from './clock.ts'
export {
  ConfigurationError,
  CredentialError,
  type ErrorFacts,
  PermissionError,
  ProtocolError,
  TomteError,
  UnavailableError,
} from './errors.ts'
