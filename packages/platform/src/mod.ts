export {
  type FederationOptions,
  type Platform,
  type PlatformOptions,
  type RealHosts,
  type Seed,
  startPlatform,
} from './platform.ts'
export type { FirstTenant, Operator } from './operator.ts'
export type { ServerCertificate } from './exposure.ts'
export type { AccountSeed, TenantSeed } from './registration/tenant-creation.ts'
export type { KeyFile, KeyFiles } from './key-files.ts'
export { type CertifiedKey, makeSelfSigned, type Validity } from './tls/certificates.ts'
export type { ManagedIdentityHost, ManagedIdentityOptions } from './managed-identity/server.ts'
export type { ManagedIdentity, ManagedIdentitySeed } from './managed-identity/identities.ts'
export type { SourceName } from './managed-identity/sources.ts'
export { PlatformError } from './errors.ts'
export { type ExportOptions, exportPlatform } from './state/export-platform.ts'
export type { ExportedState } from './state/export.ts'
