export { NotFoundScreen as EndpointScreen } from '#src/shell/other-screens.tsx'
