{{/* The Secret of an identity as YAML: a map, or a text with one, as old values have it. Empty: none. */}}
{{- define "podid.clientPassword" -}}
{{- $reference := .clientPassword -}}
{{- if kindIs "string" $reference -}}
{{- $reference = fromYaml $reference -}}
{{- end -}}
{{- if and .clientPassword (not (and (kindIs "string" $reference.name) $reference.name)) -}}
{{- /* It is not shown: it may be a password. */}}
{{- fail (printf "azureIdentities: clientPassword of client %v must name a Secret: {name: ..., namespace: ...}" .clientID) -}}
{{- end -}}
{{- with $reference -}}{{ pick . "name" "namespace" | toYaml }}{{- end -}}
{{- end -}}

{{/* Names of Secrets by namespace, as YAML. */}}
{{- define "podid.nmi.secrets" -}}
{{- $found := list -}}
{{- range .Values.rbac.secrets -}}
{{- $namespace := .namespace -}}
{{- range .names }}{{ $found = append $found (list $namespace .) }}{{ end -}}
{{- end -}}
{{- range .Values.azureIdentities -}}
{{- $own := .namespace | default $.Release.Namespace -}}
{{- with include "podid.clientPassword" . | fromYaml }}{{ $found = append $found (list (.namespace | default $own) .name) }}{{ end -}}
{{- end -}}
{{- if .Values.rbac.findSecrets -}}
{{- range (lookup "aadpodidentity.k8s.io/v1" "AzureIdentity" "" "").items -}}
{{- $own := .metadata.namespace -}}
{{- with dig "spec" "clientPassword" dict . -}}
{{- $namespace := .namespace | default $own -}}
{{- /* A Role for a namespace that does not exist would stop the whole release. */}}
{{- if and .name (lookup "v1" "Namespace" "" $namespace) -}}
{{- $found = append $found (list $namespace .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $byNamespace := dict -}}
{{- range $found -}}
{{- $names := get $byNamespace (index . 0) | default list -}}
{{- $_ := set $byNamespace (index . 0) (append $names (index . 1) | uniq | sortAlpha) -}}
{{- end -}}
{{- $byNamespace | toYaml -}}
{{- end -}}
