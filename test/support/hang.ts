/** How long anything may take, on however slow a machine, before it counts as a hang. */

export const hangMs = 600_000;
