import type { Schema } from './schema.ts'

/** Whether a token request may read the table: a write to such a table empties what is kept in memory, in every replica. */
export const CONCERNS_TOKENS: Readonly<Record<keyof Schema, boolean>> = {
  setting: true,
  tenant: true,
  domain: true,
  signing_key: true,
  application: true,
  key_credential: true,
  password_credential: true,
  federated_credential: true,
  service_principal: true,
  token_signing_certificate: true,
  managed_identity: true,
  app_role_assignment: true,
  directory_role_assignment: true,
  service_principal_risk: true,
  owner: false,
  deleted_object: false,
  policy: true,
  policy_assignment: true,
  portal_account: false,
  portal_session: false,
  portal_attempt: false,
  used_assertion: false,
  sign_in: false,
  directory_audit: false,
  user: false,
  directory_group: false,
  group_member: false,
  group_member_removal: false,
  directory_removal: false,
  change_counter: false,
}

const WRITE = /^\s*(?:insert into|update|delete from)\s+"?(\w+)"?/i

/** Whether a statement may change what token requests read. All may but plain selects, and writes to the tables above that do not. */
export function mayConcernTokens(sql: string): boolean {
  if (/^\s*select\b/i.test(sql)) return false
  const table = WRITE.exec(sql)?.[1]
  const concerns: Readonly<Record<string, boolean>> = CONCERNS_TOKENS
  return table === undefined || !Object.hasOwn(concerns, table) || concerns[table] === true
}
