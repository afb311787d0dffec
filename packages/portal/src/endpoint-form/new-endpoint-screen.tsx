export { NotFoundScreen as NewEndpointScreen } from '#src/shell/other-screens.tsx'
