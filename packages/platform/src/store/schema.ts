import type { ColumnType, Generated } from 'kysely'

// The subset that SQLite and PostgreSQL share: integer milliseconds, JSON as text, 0 and 1 for booleans.
type Flag = 0 | 1
type Fixed<T> = ColumnType<T, T, never>

export interface Schema {
  setting: { name: string; value: string }
  tenant: { id: Fixed<string>; display_name: string; created_at_ms: Fixed<number> }
  domain: { name: Fixed<string>; tenant_id: Fixed<string>; is_default: Flag }
  signing_key: {
    kid: Fixed<string>
    certificate: Fixed<string>
    /** AES-256-GCM; never in clear. */
    sealed_private_key: Fixed<string>
    created_at_ms: Fixed<number>
  }
  application: {
    id: Fixed<string>
    app_id: Fixed<string>
    tenant_id: Fixed<string>
    display_name: string
    sign_in_audience: string
    identifier_uris: string
    app_roles: string
    required_resource_access: string
    redirect_uris: ColumnType<string, string | undefined, string>
    requested_access_token_version: number | null
    created_at_ms: Fixed<number>
  }
  key_credential: {
    key_id: Fixed<string>
    application_id: Fixed<string>
    /** Set if the certificate proves the application in this service principal's tenant alone. */
    service_principal_id: Fixed<string | null>
    display_name: string | null
    thumbprint_sha1: Fixed<string>
    thumbprint_sha256: Fixed<string>
    /** DER, base64. */
    certificate: Fixed<string>
    start_at_ms: Fixed<number>
    end_at_ms: Fixed<number>
  }
  password_credential: {
    key_id: Fixed<string>
    application_id: Fixed<string>
    /** Set if the secret proves the application in this service principal's tenant alone. */
    service_principal_id: Fixed<string | null>
    display_name: Fixed<string | null>
    hint: Fixed<string>
    /** SHA-256, base64url; the text is nowhere. */
    secret_hash: Fixed<string>
    start_at_ms: Fixed<number>
    end_at_ms: Fixed<number>
  }
  federated_credential: {
    id: Fixed<string>
    application_id: Fixed<string>
    name: Fixed<string>
    issuer: string
    subject: string
    audience: string
    description: string | null
  }
  service_principal: {
    id: Fixed<string>
    app_id: Fixed<string>
    tenant_id: Fixed<string>
    account_enabled: Flag
    app_role_assignment_required: Flag
    created_at_ms: Fixed<number>
  }
  managed_identity: {
    principal_id: Fixed<string>
    kind: Fixed<'system' | 'user'>
    /** Of Azure: where it is assigned, or what it is. */
    resource_id: Fixed<string>
  }
  app_role_assignment: {
    id: Fixed<string>
    tenant_id: Fixed<string>
    principal_id: Fixed<string>
    resource_id: Fixed<string>
    app_role_id: Fixed<string>
    created_at_ms: Fixed<number>
  }
  user: {
    /** The order of pages. */
    seq: Generated<number>
    id: Fixed<string>
    tenant_id: Fixed<string>
    account_enabled: Flag
    display_name: string
    given_name: string | null
    surname: string | null
    user_principal_name: string
    mail: string | null
    mail_nickname: string
    job_title: string | null
    department: string | null
    company_name: string | null
    office_location: string | null
    employee_id: string | null
    mobile_phone: string | null
    business_phones: string
    preferred_language: string | null
    usage_location: string | null
    manager_id: string | null
    must_change_password: Flag
    created_at_ms: Fixed<number>
    /** Folded for comparison, because Graph compares without regard to case. */
    user_principal_name_key: string
    employee_id_key: string | null
  }
}
