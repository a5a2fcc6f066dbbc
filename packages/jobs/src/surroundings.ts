import type { Api, AppIdentity } from '@tomte/client'

/** Who works in a tenant, and the web APIs as that tenant's application sees them. */
export interface Place {
  readonly identity: AppIdentity
  readonly api: Readonly<Record<string, Api>>
}

/** What the runs of a daemon work with: one identity and one set of APIs for each tenant, shared by its runs. */
export interface Surroundings {
  /** The tenant of the identity. */
  readonly tenant: string
  /** @throws ConfigurationError if there can be no such tenant. */
  placeIn(tenant: string): Place
  /** The tenants of the daemon, for a fan-out. @throws JobError `tenants_unusable` if there are none or too many. */
  tenants(signal: AbortSignal): Promise<readonly string[]>
}
