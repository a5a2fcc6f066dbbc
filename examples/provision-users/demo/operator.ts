import { type Api, AppIdentity, certificate, graph } from '@tomte/client'
import type { Platform } from '@tomte/platform'

/** The person at this terminal administers through the operator application, as the directory's own API allows it. */
export function operatorDirectory({ operator, origin, graphUrl, ca }: Platform): Api {
  const identity = new AppIdentity({
    tenantId: operator.tenantDomain,
    clientId: operator.clientId,
    credential: certificate({ file: operator.certificateFile }),
    authorityHost: origin,
    ca,
  })
  return graph(identity, { baseUrl: graphUrl, ca })
}
