export { AppIdentity, type AppIdentityOptions, type ApplicationOptions } from './identity/app-identity.ts'
export type { Identity } from './identity/identity.ts'
export {
  type BorrowedToken,
  identityFrom,
  type IdentityFromOptions,
  type TokenCredential,
  type TokenCredentialOptions,
} from './identity/token-credential.ts'
export { ManagedIdentity, type ManagedIdentityOptions } from './managed-identity/managed-identity.ts'
export type { LastRefusal, TenantStatus } from './identity/tenant-status.ts'
export { describeEvent } from './describe-event.ts'
export type {
  CredentialExpiring,
  CredentialRefused,
  IdentityEvent,
  Listener,
  RenewalFailed,
  TokenObtained,
  TokenRefused,
} from './events.ts'
export type { SharedStore } from './store/shared-store.ts'
export type { StoreWarning } from './store/circuit.ts'
export type { AbortSignalLike } from './token/abort-signal.ts'
export type { GetTokenOptions } from './token/tenant-tokens.ts'
export type { AccessToken } from './token/slot.ts'
export type { Ask } from './token/keeper.ts'
export { identityFromEnvironment, type Environment } from './config.ts'
export { type Proxy, proxyFromEnvironment } from './proxy.ts'
export {
  type ApiDefinition,
  type Configuration,
  configurationOf,
  type ConfigurationSources,
  type CredentialDefinition,
  defineConfig,
  type IdentityDefinition,
  loadConfiguration,
  type LoadedConfiguration,
  type LoadOptions,
  type StatedOptions,
} from './configuration/configuration.ts'
export {
  certificate,
  type CertificateOptions,
  type CertificateSource,
  type ExternalKey,
} from './credential/certificate.ts'
export type { AssertionAlgorithm, AssertionAudience, AssertionSigner } from './credential/assertion-style.ts'
export {
  type KeyAlgorithm,
  privateKey,
  type PrivateKeyOptions,
  type PrivateKeySource,
} from './credential/private-key.ts'
export { clientSecret, type SecretOptions, type SecretSource } from './credential/secret.ts'
export { federatedTokenFile, signedAssertion } from './credential/assertion.ts'
export { githubActionsToken, type GitHubActionsOptions } from './credential/github-actions.ts'
export { assertionFrom, type AssertionFromOptions } from './credential/identity-assertion.ts'
export type { Credential, ProofContext, TokenForm } from './credential/credential.ts'
export { type Cloud, type CloudName, CLOUDS } from './authority/clouds.ts'
export { tenantName } from './authority/tenant.ts'
export type { Authority } from './authority/authority.ts'
export type { ExtraParameters, ServerMetadata } from './authority/issuer.ts'
export type { IssuerOptions, TenantOptions } from './authority/token-server.ts'
export type { TransportOptions } from './token/request.ts'
export type { Token, TokenSource } from './token/token.ts'
export { type Clock, systemClock } from './clock.ts'
export {
  ConfigurationError,
  CredentialError,
  type ErrorFacts,
  PermissionError,
  type PermissionFacts,
  ProtocolError,
  TomteError,
  UnavailableError,
} from './errors.ts'
