{{/* Names of Secrets by namespace, as YAML. */}}
{{- define "podid.nmi.secrets" -}}
{{- $found := list -}}
{{- range .Values.rbac.secrets -}}
{{- $namespace := .namespace -}}
{{- range .names }}{{ $found = append $found (list $namespace .) }}{{ end -}}
{{- end -}}
{{- range .Values.azureIdentities -}}
{{- $own := .namespace | default $.Release.Namespace -}}
{{- with .clientPassword }}{{ $found = append $found (list (.namespace | default $own) .name) }}{{ end -}}
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
