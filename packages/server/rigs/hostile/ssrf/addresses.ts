/** Where the two ends of the allowed link are. */
export const WORLD_ADDRESS = '11.77.0.1'
export const SERVICE_ADDRESS = '11.77.0.2'
