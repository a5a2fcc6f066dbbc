export { createGuard, type Guard, type GuardOptions } from './guard.ts'
export {
  entra,
  type EntraOptions,
  oauthIssuer,
  type OAuthIssuerOptions,
  type TokenKind,
  type TrustedIssuer,
} from './issuers.ts'
export type { Algorithm } from './algorithms.ts'
export type { Clock } from './clock.ts'
export type { DocumentOptions } from './keys/document.ts'
export { KeysUnavailableError } from './keys/errors.ts'
export type { KeySource, VerificationKey } from './keys/source.ts'
export type { Principal } from './claims.ts'
export type { Claims } from './token.ts'
export { requirePermission } from './permission.ts'
export type {
  ApplicationRule,
  CallerRules,
  ListedClient,
  RequiredRoles,
  RoleRule,
  UserRule,
} from './permission.ts'
export {
  assertEveryRouteListed,
  type PermissionTable,
  permissionTable,
  type RoutePermissions,
} from './permission-table.ts'
export type { Revocation } from './revocations.ts'
export { GuardRefusal, type RefusalCode, REFUSALS } from './refusal.ts'
export { challenge } from './challenge.ts'
export {
  graphBody,
  problemBody,
  type RefusalBody,
  type Refused,
  type RequestFacts,
} from './answer.ts'
