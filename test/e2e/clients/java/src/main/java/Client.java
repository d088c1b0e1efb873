import com.azure.core.credential.TokenCredential;
import com.azure.core.credential.TokenRequestContext;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.ManagedIdentityCredentialBuilder;
import com.azure.json.JsonProviders;
import com.azure.json.JsonWriter;
import com.azure.security.keyvault.secrets.SecretClient;
import com.azure.security.keyvault.secrets.SecretClientBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * The client of the end-to-end suite in Java: prints facts as JSON lines, judges nothing.
 *
 * <pre>
 * Client token|secret|both [credential=managed|default] [client-id= | resource-id= | object-id=]
 *        [scope=] [vault=] [secret=] [times=1] [pause-ms=0] [parallel=1]
 * </pre>
 */
public final class Client {
    private final Map<String, String> asked;
    private final String operation;
    private final TokenCredential credential;
    private final SecretClient vault;

    private Client(String operation, Map<String, String> asked) {
        this.operation = operation;
        this.asked = asked;
        this.credential = credentialOf(asked);
        this.vault = asked.containsKey("vault")
            ? new SecretClientBuilder().vaultUrl(asked.get("vault")).credential(credential).buildClient()
            : null;
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> asked = new HashMap<>();
        for (int i = 1; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            asked.put(pair[0], pair[1]);
        }
        trustAzureCa();
        say(Map.of("kind", "start", "client", "java", "versions", versions()));
        new Client(args[0], asked).run();
        say(Map.of("kind", "end"));
        // Threads of the HTTP client would hold the process for a while.
        System.exit(0);
    }

    /** Java reads no PEM file: the CA of AZURE_CA becomes the trust store, before anything of the SDK is loaded. */
    private static void trustAzureCa() throws Exception {
        String file = System.getenv("AZURE_CA");
        if (file == null) {
            return;
        }
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (InputStream pem = Files.newInputStream(Path.of(file))) {
            store.setCertificateEntry("azure", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        Path made = Files.createTempFile("trust", ".p12");
        made.toFile().deleteOnExit();
        try (OutputStream out = Files.newOutputStream(made)) {
            store.store(out, "changeit".toCharArray());
        }
        System.setProperty("javax.net.ssl.trustStore", made.toString());
        System.setProperty("javax.net.ssl.trustStorePassword", "changeit");
    }

    private static TokenCredential credentialOf(Map<String, String> asked) {
        String clientId = asked.get("client-id");
        if ("default".equals(asked.get("credential"))) {
            DefaultAzureCredentialBuilder builder = new DefaultAzureCredentialBuilder();
            return (clientId == null ? builder : builder.managedIdentityClientId(clientId)).build();
        }
        ManagedIdentityCredentialBuilder builder = new ManagedIdentityCredentialBuilder();
        if (clientId != null) {
            builder.clientId(clientId);
        } else if (asked.containsKey("resource-id")) {
            builder.resourceId(asked.get("resource-id"));
        } else if (asked.containsKey("object-id")) {
            builder.objectId(asked.get("object-id"));
        }
        return builder.build();
    }

    private void run() throws Exception {
        int parallel = number("parallel", 1);
        ExecutorService pool = Executors.newFixedThreadPool(parallel);
        for (int round = 0; round < number("times", 1); round++) {
            if (round > 0) {
                Thread.sleep(number("pause-ms", 0));
            }
            List<Callable<Void>> work = new ArrayList<>();
            for (int i = 0; i < parallel; i++) {
                work.add(this::once);
            }
            for (Future<Void> done : pool.invokeAll(work)) {
                done.get();
            }
        }
        pool.shutdown();
    }

    private Void once() throws IOException {
        if (!operation.equals("secret")) {
            timed("token", () -> {
                var got = credential.getTokenSync(new TokenRequestContext().addScopes(asked.get("scope")));
                return Map.of("token", got.getToken(), "expiresOn", got.getExpiresAt().toEpochSecond());
            });
        }
        if (!operation.equals("token")) {
            timed("secret", () -> Map.of("value", vault.getSecret(asked.get("secret")).getValue()));
        }
        return null;
    }

    /** Does the work and prints what came of it and how long it took. */
    private static void timed(String kind, Callable<Map<String, Object>> work) throws IOException {
        long started = System.currentTimeMillis();
        Map<String, Object> facts = new LinkedHashMap<>();
        try {
            facts.putAll(work.call());
            facts.put("ok", true);
        } catch (Exception error) {
            facts.put("ok", false);
            facts.put("type", error.getClass().getSimpleName());
            facts.put("error", messages(error));
        }
        facts.put("kind", kind);
        facts.put("startedMs", started);
        facts.put("ms", System.currentTimeMillis() - started);
        say(facts);
    }

    /** The messages of an error and of its causes, as a stack trace shows them. */
    private static String messages(Throwable error) {
        StringBuilder text = new StringBuilder(String.valueOf(error.getMessage()));
        for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
            text.append("\nCaused by: ").append(cause);
        }
        return text.toString();
    }

    private static synchronized void say(Map<String, Object> facts) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonWriter writer = JsonProviders.createWriter(text)) {
            writer.writeMap(facts, JsonWriter::writeUntyped);
        }
        System.out.println(text);
    }

    private int number(String name, int otherwise) {
        return Integer.parseInt(asked.getOrDefault(name, String.valueOf(otherwise)));
    }

    private static Map<String, Object> versions() throws IOException {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("java", System.getProperty("java.version"));
        for (String name : List.of("com.azure/azure-identity", "com.azure/azure-security-keyvault-secrets",
                "com.azure/azure-core", "com.microsoft.azure/msal4j")) {
            try (InputStream file = Client.class.getResourceAsStream("/META-INF/maven/" + name + "/pom.properties")) {
                if (file != null) {
                    Properties properties = new Properties();
                    properties.load(file);
                    found.put(name.substring(name.indexOf('/') + 1), properties.getProperty("version"));
                }
            }
        }
        return found;
    }
}
