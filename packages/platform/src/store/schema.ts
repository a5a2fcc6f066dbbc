import type { ColumnType, Generated } from 'kysely'

// The subset that SQLite and PostgreSQL share: integer milliseconds, JSON as text, 0 and 1 for booleans.
type Flag = 0 | 1
type Fixed<T> = ColumnType<T, T, never>
/** A folded copy of another column, or nothing. */
type Derived = ColumnType<string | null, string | null | undefined, string | null>

export interface Schema {
  setting: { name: string; value: string }
  tenant: {
    id: Fixed<string>
    display_name: string
    created_at_ms: Fixed<number>
    refuses_repeated_assertions: ColumnType<Flag, Flag | undefined, Flag>
  }
  domain: { name: Fixed<string>; tenant_id: Fixed<string>; is_default: Flag }
  signing_key: {
    kid: Fixed<string>
    certificate: Fixed<string>
    /** AES-256-GCM; never in clear. */
    sealed_private_key: Fixed<string>
    created_at_ms: Fixed<number>
    /** When it takes over from the key before it. */
    signs_from_ms: Fixed<number>
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
    /** What is shown as it was sent, and acted upon by nothing here: JSON. */
    properties: ColumnType<string, string | undefined, string>
    is_disabled: ColumnType<Flag, Flag | undefined, Flag>
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
    properties: ColumnType<string, string | undefined, string>
    /** Names the certificate of its own that signs the tokens for it. */
    preferred_signing_thumbprint: ColumnType<string | null, string | null | undefined, string | null>
    /** When the tokens that it had until then were ended. */
    tokens_ended_at_ms: ColumnType<number | null, number | null | undefined, number | null>
    created_at_ms: Fixed<number>
  }
  /** A key that signs the tokens for one service principal as their resource. */
  token_signing_certificate: {
    key_id: Fixed<string>
    service_principal_id: Fixed<string>
    display_name: Fixed<string>
    /** SHA-1 of the certificate, base64url. */
    kid: Fixed<string>
    /** The same in hex. */
    thumbprint_sha1: Fixed<string>
    /** PEM. */
    certificate: Fixed<string>
    /** AES-256-GCM; never in clear. */
    sealed_private_key: Fixed<string>
    start_at_ms: Fixed<number>
    end_at_ms: Fixed<number>
  }
  /** A client assertion that may not be used again before it has expired. */
  used_assertion: { digest: Fixed<string>; expires_at_ms: Fixed<number> }
  service_principal_risk: {
    principal_id: Fixed<string>
    level: 'low' | 'medium' | 'high' | 'none'
    state: string
    updated_at_ms: number
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
  /** Who holds a role of the directory: a service principal or a user. */
  directory_role_assignment: {
    id: Fixed<string>
    tenant_id: Fixed<string>
    principal_id: Fixed<string>
    kind: Fixed<'user' | 'servicePrincipal'>
    /** The role as an object of the tenant. */
    role_id: Fixed<string>
    /** What the role is made of, the same in every tenant. */
    template_id: Fixed<string>
    created_at_ms: Fixed<number>
  }
  /** Who owns an application, a service principal or a group: a service principal or a user. */
  owner: { object_id: Fixed<string>; owner_id: Fixed<string>; tenant_id: Fixed<string> }
  /** What was deleted and can be restored: its rows, which are in no other table. */
  deleted_object: {
    id: Fixed<string>
    tenant_id: Fixed<string>
    kind: Fixed<'application' | 'servicePrincipal' | 'user' | 'group'>
    /** As the directory showed it last: JSON. */
    object: Fixed<string>
    /** Rows by table, in the order in which they can be written again: JSON. */
    contents: Fixed<string>
    deleted_at_ms: Fixed<number>
  }
  policy: {
    id: Fixed<string>
    tenant_id: Fixed<string>
    kind: Fixed<string>
    /** The policy as Graph shows it, without its id: JSON. */
    body: string
    created_at_ms: Fixed<number>
    modified_at_ms: number
  }
  policy_assignment: { policy_id: Fixed<string>; object_id: Fixed<string> }
  /** A user who may sign in to the portal. */
  portal_account: {
    user_id: Fixed<string>
    /** scrypt, with its salt. */
    password_hash: string
    is_administrator: Flag
  }
  portal_session: {
    /** SHA-256 of the id that the browser has. */
    digest: Fixed<string>
    /** `null` for the platform's own administrator. */
    user_id: Fixed<string | null>
    ends_at_ms: Fixed<number>
  }
  /** Wrong passwords by the name that they were tried for. */
  portal_attempt: {
    name_digest: Fixed<string>
    /** The last failures: JSON. */
    failed_at_ms: string
    /** Failures since the last success. */
    failures: number
    locked_until_ms: number
    last_at_ms: number
  }
  sign_in: {
    /** The trace id that the client was told. */
    id: Fixed<string>
    /** Empty if the request named no tenant of this platform. */
    tenant_id: Fixed<string>
    at_ms: Fixed<number>
    event: Fixed<string>
    app_id: Fixed<string | null>
    service_principal_id: Fixed<string | null>
    resource_app_id: Fixed<string | null>
    error_code: Fixed<number>
    ip_address: Fixed<string>
    correlation_id: Fixed<string>
    credential_kind: Fixed<string>
    credential_key_id: Fixed<string | null>
    conditional_access: Fixed<string>
    /** The Conditional Access policies that applied: JSON. */
    applied_policies: Fixed<string | null>
  }
  directory_audit: {
    id: Fixed<string>
    tenant_id: Fixed<string>
    at_ms: Fixed<number>
    activity: Fixed<string>
    category: Fixed<string>
    operation: Fixed<string>
    correlation_id: Fixed<string>
    /** JSON, as Graph shows it. */
    initiated_by: Fixed<string>
    target_id: Fixed<string | null>
    /** JSON, as Graph shows it, with old and new values. */
    target: Fixed<string>
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
    display_name_key: Derived
    given_name_key: Derived
    surname_key: Derived
    mail_key: Derived
    mail_nickname_key: Derived
    job_title_key: Derived
    department_key: Derived
    company_name_key: Derived
    office_location_key: Derived
    mobile_phone_key: Derived
    preferred_language_key: Derived
    usage_location_key: Derived
    business_phones_key: Derived
    /** Its place in the tenant's order of changes. */
    change: ColumnType<number, number | undefined, number>
  }
  directory_group: {
    /** The order of pages. */
    seq: Generated<number>
    id: Fixed<string>
    tenant_id: Fixed<string>
    display_name: string
    display_name_key: Derived
    description: string | null
    description_key: Derived
    mail: string | null
    mail_key: Derived
    mail_enabled: Flag
    mail_nickname: string
    mail_nickname_key: Derived
    security_enabled: Flag
    group_types: string
    group_types_key: Derived
    visibility: string | null
    classification: string | null
    classification_key: Derived
    is_assignable_to_role: Flag | null
    created_at_ms: Fixed<number>
    /** Its place in the tenant's order of changes, as of its last member to come or go. */
    change: number
  }
  group_member: {
    group_id: Fixed<string>
    member_id: Fixed<string>
    kind: Fixed<'user' | 'group' | 'servicePrincipal'>
    tenant_id: Fixed<string>
    change: number
  }
  /** Members who left, for delta queries. */
  group_member_removal: {
    group_id: Fixed<string>
    member_id: Fixed<string>
    kind: Fixed<'user' | 'group' | 'servicePrincipal'>
    tenant_id: Fixed<string>
    change: number
  }
  /** Users and groups that are gone, for delta queries. */
  directory_removal: {
    id: Fixed<string>
    tenant_id: Fixed<string>
    kind: Fixed<'user' | 'group'>
    reason: 'changed' | 'deleted'
    change: number
    at_ms: number
  }
  /** The last number in each tenant's order of changes. */
  change_counter: { tenant_id: Fixed<string>; value: number }
}
