import type { Principal } from './claims.ts'
import { GuardRefusal } from './refusal.ts'

/** The roles of which a caller needs at least one, or the word that lets in an application without any. */
export type RequiredRoles = readonly string[] | 'any application'

/** Lets a principal pass that holds at least one of `required`. @throws GuardRefusal role_missing; an empty list lets no one pass. */
export function requireRole(principal: Principal, required: RequiredRoles): void {
  if (required === 'any application' || required.some((role) => principal.roles.includes(role))) return
  const held = principal.roles.length === 0 ? 'no role' : principal.roles.join(', ')
  throw new GuardRefusal(
    'role_missing',
    `application ${principal.appId} holds ${held}, and one of ${required.join(', ')} is needed`,
  )
}
