/** What the registration of an API asks for in its access tokens beyond what all of them have (wire.md §6). */
export interface OptionalClaims {
  /** `idtyp`: that the token is an application's. */
  readonly type: boolean
  /** `xms_cc`: what the client says that it can do. */
  readonly capabilities: boolean
  /** `tenant_region_scope`. */
  readonly region: boolean
  /** `aud` with `use_guid`: v1.0 tokens name the API by its application id, whatever was asked for. */
  readonly audienceAsId: boolean
}

interface Entry {
  readonly name?: unknown
  readonly additionalProperties?: unknown
}

/** Reads `optionalClaims` of an application as it is stored; those that no daemon's token can have are passed over. */
export function readOptionalClaims(stored: unknown): OptionalClaims {
  const { accessToken } = (stored ?? {}) as { readonly accessToken?: unknown }
  const entries = Array.isArray(accessToken) ? (accessToken as readonly Entry[]) : []
  const has = (name: string) => entries.some((entry) => entry.name === name)
  return {
    type: has('idtyp'),
    capabilities: has('xms_cc'),
    region: has('tenant_region_scope'),
    audienceAsId: entries.some(
      ({ name, additionalProperties: asked }) =>
        name === 'aud' && Array.isArray(asked) && asked.includes('use_guid'),
    ),
  }
}
