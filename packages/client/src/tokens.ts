export { AppIdentity, type AppIdentityOptions } from './identity/app-identity.ts'
export type { Identity } from './identity/identity.ts'
export type {
  CredentialRefused,
  IdentityEvent,
  Listener,
  RenewalFailed,
  TokenObtained,
  TokenRefused,
} from './events.ts'
export type { GetTokenOptions } from './token/tenant-tokens.ts'
export type { AccessToken } from './token/slot.ts'
export type { Ask } from './token/keeper.ts'
export { identityFromEnvironment, type Environment } from './config.ts'
export {
  certificate,
  type CertificateOptions,
  type CertificateSource,
  type ExternalKey,
} from './credential/certificate.ts'
export type { AssertionAlgorithm, AssertionSigner } from './credential/client-assertion.ts'
export { clientSecret, type SecretOptions, type SecretSource } from './credential/secret.ts'
export { federatedTokenFile, signedAssertion } from './credential/assertion.ts'
export type { Credential, ProofContext, TokenForm } from './credential/credential.ts'
export { type Cloud, type CloudName, CLOUDS } from './authority/clouds.ts'
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
export { type Consent, ConsentLinks, type ConsentLinksOptions } from './consent/consent-links.ts'
